"""Commands and queries over the domain, and the ports that adapters fill."""
