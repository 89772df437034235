{
  description = "Backwalk, a BGP routing daemon that records everything that influenced it, and replays it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forAll = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
    in
    {
      packages = forAll (pkgs: { default = pkgs.callPackage ./nix/package.nix { }; });

      devShells = forAll (pkgs: {
        default = pkgs.mkShell {
          # What `npm test` speaks to, beside Node.js: the daemons of the interop tests, and the tools of the kernel tests.
          packages = [ pkgs.nodejs_26 pkgs.bird2 pkgs.frr pkgs.gobgp pkgs.gobgpd pkgs.openbgpd pkgs.exabgp pkgs.go pkgs.iproute2 ];
        };
      });

      nixosModules.default = import ./nix/module.nix self;

      # `nix flake check` evaluates these: the package, and the unit that the module makes for a small configuration.
      checks = forAll (pkgs: {
        package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        unit = pkgs.writeText "backwalk-unit" (builtins.toJSON (import ./nix/unit.nix { inherit pkgs self; }));
      });
    };
}
