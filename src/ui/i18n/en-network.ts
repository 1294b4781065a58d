/** English texts of the Network workspace. */
export const networks = {
  tab: "Network",
  name: "Name",
  type: "Type",
  subnet: "Subnet",
  machines: "Machines",
  off: "off",
  kind: { nat: "NAT", "host-only": "Host-only", bridged: "Bridged" },
};
