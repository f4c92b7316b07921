/** The router that a conf and what is known of the network make of this machine. */
import { type Conf, offersOf } from '../../protocol/conf.ts';
import { DEFAULT_MTU, type TunnelConfig } from '../../wireguard/tunnel.ts';
import type { Mirror } from '../memory/mirror.ts';
import { Router, type RouterOptions } from './router.ts';

type About = Pick<RouterOptions, 'network' | 'paths' | 'say'> & { tunnel: Pick<TunnelConfig, 'mtu'> };

/** `conf.now` is asked at each look. */
export const routerOf = (
  { network, paths, say, tunnel }: About,
  conf: { readonly now: Conf },
  mirror: Mirror,
): Router =>
  new Router({
    ...{ network, paths, say, range: mirror.ground.range, own: mirror.ground.own.ip },
    mtu: tunnel.mtu ?? DEFAULT_MTU,
    offers: () => offersOf(conf.now),
    homes: () => Array.from(mirror.cidrs(), ({ cidr }) => cidr),
  });
