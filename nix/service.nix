# What systemd gives the daemon and what it keeps from it. Kept apart from the module so that a test can read it.
{ executable }:
{
  Type = "exec";
  ExecStartPre = "${executable} check /etc/backwalk/backwalk.yaml";
  ExecStart = "${executable} run --config /etc/backwalk/backwalk.yaml";
  # SIGHUP reads the configuration again; SIGTERM ends every session with a Cease, which takes as long as the slowest peer.
  ExecReload = "/bin/sh -c 'kill -HUP $MAINPID'";
  KillSignal = "SIGTERM";
  TimeoutStopSec = 30;
  Restart = "on-failure";
  RestartSec = 2;

  User = "backwalk";
  Group = "backwalk";
  StateDirectory = "backwalk";
  StateDirectoryMode = "0700";
  RuntimeDirectory = "backwalk";
  RuntimeDirectoryMode = "0750";
  UMask = "0077";

  # Port 179 and the routing table. Ambient, because the process that needs them is not root.
  AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" "CAP_NET_ADMIN" ];
  CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" "CAP_NET_ADMIN" ];
  NoNewPrivileges = true;

  ProtectSystem = "strict";
  ProtectHome = true;
  ProtectProc = "invisible";
  ProtectClock = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  ProtectControlGroups = true;
  PrivateTmp = true;
  PrivateDevices = true;
  RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" "AF_NETLINK" ];
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  RemoveIPC = true;
  LockPersonality = true;
  SystemCallArchitectures = "native";
  SystemCallFilter = [ "@system-service" "~@privileged" ];
  SystemCallErrorNumber = "EPERM";
  # MemoryDenyWriteExecute stays off: V8 compiles to memory that it then executes.
  LimitNOFILE = 65536;
}
