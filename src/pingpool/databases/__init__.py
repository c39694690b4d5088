"""One file per kind of database: how its sessions are opened, proven and ended. Drivers are imported only there."""
