/** The forms that gather what an action needs; the server judges what is written there. */
import type { ComponentChildren } from 'preact';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { ROOT_CIDR, SERVER_CIDR } from '../values/id.ts';
import type { Opening } from '../values/opening.ts';
import { Dialog } from './dialog.tsx';
import { KeysDialog } from './keys.tsx';
import { inOrder } from './map/relations.ts';
import type { Intent, Page } from './page.ts';
import { type Form, form } from './view.ts';

const close = (): void => {
  form.value = undefined;
};

const textOf = (data: FormData, name: string): string => String(data.get(name) ?? '').trim();

type Fields = {
  title: string;
  children: ComponentChildren;
  page: Page;
  intentOf: (data: FormData) => Intent;
};

const FormDialog = ({ title, children, page, intentOf }: Fields) => (
  <Dialog title={title} close={close}>
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        const intent = intentOf(new FormData(event.currentTarget));
        close();
        page.prepare(intent);
      }}
    >
      {children}
      <p class="answers">
        <button type="submit" class="main">
          what would it do?
        </button>
        <button type="button" onClick={close}>
          cancel
        </button>
      </p>
    </form>
  </Dialog>
);

type TextProps = { name: string; label: string; value?: string; required?: boolean };

const Text = ({ name, label, value = '', required = true }: TextProps) => (
  <label>
    {label}{' '}
    <input name={name} defaultValue={value} required={required} autoComplete="off" spellcheck={false} />
  </label>
);

const Cidrs = ({
  name,
  label,
  cidrs,
  value,
}: {
  name: string;
  label: string;
  cidrs: CidrNode[];
  value?: string | undefined;
}) => (
  <label>
    {label}{' '}
    <select name={name} required>
      {cidrs.map((node) => (
        <option key={node.id} value={node.name} selected={node.name === value}>
          {nameText(node.name)} {node.cidr}
        </option>
      ))}
    </select>
  </label>
);

const withoutServer = (network: Network): CidrNode[] =>
  inOrder(network).filter(({ id }) => id !== SERVER_CIDR);

/** Where peers may stand. */
const leaves = (network: Network): CidrNode[] =>
  withoutServer(network).filter(({ id }) => id !== ROOT_CIDR && !network.hasChildren(id));

const associable = (network: Network): CidrNode[] =>
  withoutServer(network).filter(({ id }) => id !== ROOT_CIDR);

type Asked<A extends Form['ask']> = { page: Page; network: Network; asked: Extract<Form, { ask: A }> };

const Invite = ({ page, network, asked }: Asked<'invite'>) => (
  <FormDialog
    title="add a machine"
    page={page}
    intentOf={(data) => {
      const isAdmin = data.get('admin') !== null;
      return { do: 'invite', name: textOf(data, 'name') as never, cidr: textOf(data, 'cidr'), isAdmin };
    }}
  >
    <Text name="name" label="name" />
    <Cidrs name="cidr" label="CIDR" cidrs={leaves(network)} value={asked.cidr} />
    <label>
      <input type="checkbox" name="admin" /> may change the network (admin)
    </label>
  </FormDialog>
);

const RenamePeer = ({ page, asked: { peer } }: Asked<'rename-peer'>) => (
  <FormDialog
    title={`rename ${nameText(peer)}`}
    page={page}
    intentOf={(data) => ({ do: 'rename-peer', peer, name: textOf(data, 'name') as never })}
  >
    <Text name="name" label="new name" value={peer} />
  </FormDialog>
);

const AddCidr = ({ page, network, asked: { parent } }: Asked<'add-cidr'>) => (
  <FormDialog
    title="add a CIDR"
    page={page}
    intentOf={(data) => ({
      do: 'add-cidr',
      name: textOf(data, 'name') as never,
      cidr: textOf(data, 'block') as never,
      parent: textOf(data, 'parent'),
    })}
  >
    <Text name="name" label="name" />
    <Text name="block" label="block, such as 10.42.7.0/24" />
    <Cidrs name="parent" label="within" cidrs={withoutServer(network)} value={parent} />
  </FormDialog>
);

const RenameCidr = ({ page, asked: { cidr } }: Asked<'rename-cidr'>) => (
  <FormDialog
    title={`rename ${nameText(cidr)}`}
    page={page}
    intentOf={(data) => ({ do: 'rename-cidr', cidr, name: textOf(data, 'name') as never })}
  >
    <Text name="name" label="new name" value={cidr} />
  </FormDialog>
);

const Associate = ({ page, network, asked }: Asked<'associate'>) => (
  <FormDialog
    title="associate two CIDRs"
    page={page}
    intentOf={(data) => ({ do: 'associate', cidrs: [textOf(data, 'one'), textOf(data, 'other')] })}
  >
    <Cidrs name="one" label="the peers of" cidrs={associable(network)} value={asked.cidr} />
    <Cidrs
      name="other"
      label="and those of"
      cidrs={associable(network).filter(({ name }) => name !== asked.cidr)}
    />
  </FormDialog>
);

const AddPhone = ({ page, network, asked }: Asked<'add-phone'>) => (
  <FormDialog
    title="add a phone"
    page={page}
    intentOf={(data) => ({
      do: 'add-phone',
      name: textOf(data, 'name') as never,
      cidr: textOf(data, 'cidr'),
    })}
  >
    <p class="dim">Any machine with plain WireGuard: the server passes its packets.</p>
    <Text name="name" label="name" />
    <Cidrs name="cidr" label="CIDR" cidrs={leaves(network)} value={asked.cidr} />
  </FormDialog>
);

/** As it is typed: `tcp/22,8000-8010`. */
const typed = ({ protocol, ports }: Opening): string =>
  protocol +
  (ports ? `/${ports.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join()}` : '');

const Limit = ({ page, network, asked: { association } }: Asked<'limit'>) => {
  const { cidrIds, allow } = association;
  const names = cidrIds.map((id) => network.cidr(id)?.name ?? '') as [string, string];
  return (
    <FormDialog
      title="limit an association"
      page={page}
      intentOf={(data) => ({
        do: 'limit-association',
        cidrs: names,
        allow: [textOf(data, 'w0'), textOf(data, 'w1')],
      })}
    >
      <p class="dim">Such as tcp/22,80 udp/53 icmp; empty: nothing. Answers always pass.</p>
      {names.map((name, at) => (
        <Text
          key={name}
          name={`w${at}`}
          label={`${nameText(name)} may begin`}
          required={false}
          value={(allow ?? [])
            .filter(({ from }) => from === cidrIds[at])
            .map(typed)
            .join(' ')}
        />
      ))}
    </FormDialog>
  );
};

export const FormOpen = ({ page }: { page: Page }) => {
  const asked = form.value;
  const network = page.shown.value?.network;
  if (!asked || !network) return null;
  switch (asked.ask) {
    case 'invite':
      return <Invite page={page} network={network} asked={asked} />;
    case 'rename-peer':
      return <RenamePeer page={page} network={network} asked={asked} />;
    case 'add-cidr':
      return <AddCidr page={page} network={network} asked={asked} />;
    case 'rename-cidr':
      return <RenameCidr page={page} network={network} asked={asked} />;
    case 'associate':
      return <Associate page={page} network={network} asked={asked} />;
    case 'add-phone':
      return <AddPhone page={page} network={network} asked={asked} />;
    case 'limit':
      return <Limit page={page} network={network} asked={asked} />;
    case 'keys':
      return <KeysDialog close={close} />;
  }
};
