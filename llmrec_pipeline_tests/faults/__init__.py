"""Faults on purpose: processes killed, disks full, files damaged, publishers that lie."""
