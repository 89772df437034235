# The unit that the module makes for a small configuration, or an error that says what it lacks. Evaluated by `nix flake check`, with
# the real nixpkgs or with the stub: it reads the module as the plain function that it is.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  evaluate = services: (import ./module.nix self {
    inherit lib pkgs;
    config.services.backwalk = {
      enable = true;
      package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
      settings = { router = { asn = 65000; id = "192.0.2.1"; }; };
      configFile = null;
      openFirewall = true;
    } // services;
  });

  module = evaluate { };
  given = (evaluate { configFile = "/etc/secret.yaml"; }).config.content;
  inherit (module.config) content;
  service = content.systemd.services.backwalk;
  unit = service.serviceConfig;

  expected = {
    Type = "exec";
    User = "backwalk";
    StateDirectory = "backwalk";
    RuntimeDirectory = "backwalk";
    AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" "CAP_NET_ADMIN" ];
    CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" "CAP_NET_ADMIN" ];
    NoNewPrivileges = true;
    ProtectSystem = "strict";
    ProtectHome = true;
    PrivateTmp = true;
    PrivateDevices = true;
    ProtectKernelTunables = true;
    ProtectKernelModules = true;
    ProtectControlGroups = true;
    RestrictNamespaces = true;
    SystemCallArchitectures = "native";
  };
  differs = builtins.filter (name: (unit.${name} or null) != expected.${name}) (builtins.attrNames expected);
  holds = belief: what: if belief then true else throw "nix/module.nix: ${what}";
in
assert holds (differs == [ ]) "the unit lacks ${builtins.concatStringsSep ", " differs}";
assert holds (builtins.elem "AF_NETLINK" unit.RestrictAddressFamilies) "the unit cannot open netlink sockets";
assert holds (builtins.match ".*/bin/backwalk run --config /etc/backwalk/backwalk.yaml" unit.ExecStart != null) "the unit does not run the daemon";
assert holds (builtins.match ".*/bin/backwalk check .*" unit.ExecStartPre != null) "the unit does not check the configuration first";
assert holds (service.wantedBy == [ "multi-user.target" ]) "the unit is not started";
assert holds (content.users.users.backwalk.group == "backwalk") "the unit's user is missing";
assert holds (content.networking.firewall.allowedTCPPorts.content == [ 179 ]) "the firewall stays closed";
assert holds (given.environment.etc."backwalk/backwalk.yaml".source == "/etc/secret.yaml") "configFile is not used";
assert holds (builtins.attrNames module.options.services.backwalk == [ "configFile" "enable" "openFirewall" "package" "settings" ]) "the options differ";
unit
