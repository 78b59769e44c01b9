"""The services that alerts go to: one file each, a Protocol and a registry."""
