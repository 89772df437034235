# The NixOS module: one hardened unit. The daemon runs as a user of its own with two capabilities, to listen on port 179 and to write
# routes; it sees its own state and runtime directories and nothing else that can be written.
self:
{ config, lib, pkgs, ... }:
let
  cfg = config.services.backwalk;
  format = pkgs.formats.yaml { };
  file = if cfg.configFile != null then cfg.configFile else format.generate "backwalk.yaml" cfg.settings;
in
{
  options.services.backwalk = {
    enable = lib.mkEnableOption "Backwalk, a BGP routing daemon";
    package = lib.mkOption {
      type = lib.types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
      description = "The package to run.";
    };
    settings = lib.mkOption {
      type = format.type;
      default = { };
      example = {
        router = { asn = 65000; id = "192.0.2.1"; };
        peers = [ { address = "192.0.2.2"; asn = 65001; policy = "open"; } ];
        kernel = { table = "main"; on-exit = "keep"; };
      };
      description = "The configuration file, as Nix. It is checked when the system is built.";
    };
    configFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      description = "A configuration file to use instead of `settings`, for instance because it holds passwords; the group backwalk must be able to read it.";
    };
    openFirewall = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether to open TCP port 179.";
    };
  };

  config = lib.mkIf cfg.enable {
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ 179 ];
    # A dead next hop is one message to the kernel, not one for each route (docs/ARCHITECTURE.md).
    boot.kernel.sysctl."net.ipv4.nexthop_compat_mode" = lib.mkDefault 0;
    users.users.backwalk = { isSystemUser = true; group = "backwalk"; };
    users.groups.backwalk = { };
    environment.systemPackages = [ cfg.package ];
    environment.etc."backwalk/backwalk.yaml".source = file;

    systemd.services.backwalk = {
      description = "Backwalk BGP daemon";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      wantedBy = [ "multi-user.target" ];
      reloadTriggers = [ file ];
      serviceConfig = import ./service.nix { executable = "${cfg.package}/bin/backwalk"; };
    };
  };
}
