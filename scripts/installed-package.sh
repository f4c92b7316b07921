# Installs the Debian package that lies beside, serves a network with it and joins that from a namespace, without systemd:
# sh installed-package.sh innernet-live.deb, in a root that is thrown away.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends wireguard-go "$(realpath "$1")"
exec unshare --net sh -ec '
ip link set lo up
ip netns add ann
ip link add lan0 type veth peer name eth0 netns ann
ip address add 203.0.113.10/24 dev lan0
ip link set lan0 up
ip -n ann address add 203.0.113.11/24 dev eth0
ip -n ann link set eth0 up
innernet-server new --network-name acme --network-cidr 10.42.0.0/16 --external-endpoint 203.0.113.10:51820 --listen-port 51820
innernet-server serve acme &
innernet-server add-cidr acme --name humans --cidr 10.42.1.0/24 --yes
innernet-server add-peer acme --name ann --cidr humans --auto-ip --admin false --yes
ip netns exec ann inn install ann.toml --name ann --delete-invite
ip netns exec ann inn show ann | grep "last handshake"
ip netns exec ann inn uninstall ann --yes
ip link delete acme
'
