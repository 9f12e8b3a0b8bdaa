"""A plan becomes observations: SSH, local, network and replay. The only door to paramiko and nmap."""
