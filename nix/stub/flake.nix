# As much of nixpkgs as our flake uses, strict about what it is given, so that the flake can be evaluated without a network. It does not
# prove that the real nixpkgs builds the package; it proves that the flake, the package and the module evaluate and say what they mean.
{
  outputs = { self }:
    let
      stub = system: name: derivation { inherit name system; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; };
      force = value: result: builtins.deepSeq value result;

      types = rec {
        package = { name = "package"; };
        bool = { name = "bool"; };
        path = { name = "path"; };
        nullOr = type: { name = "null or ${type.name}"; };
      };

      lib = {
        inherit types;
        inherit (builtins) attrNames elem mapAttrs;
        genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
        importJSON = path: builtins.fromJSON (builtins.readFile path);
        last = list: builtins.elemAt list (builtins.length list - 1);
        splitString = by: text: builtins.filter builtins.isString (builtins.split by text);
        filterAttrs = keep: set:
          removeAttrs set (builtins.filter (name: !(keep name set.${name})) (builtins.attrNames set));
        cleanSource = path: path;
        licenses.asl20 = { spdxId = "Apache-2.0"; };
        platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
        mkIf = condition: content: { _type = "if"; inherit condition content; };
        mkDefault = content: { _type = "override"; inherit content; };
        mkEnableOption = what: force what { _type = "option"; type = types.bool; };
        mkOption = { type, description, default ? null, example ? null }:
          force [ type.name description example ] { _type = "option"; inherit type description; };
      };

      packages = system:
        let
          drv = stub system;
          pkgs = {
            inherit lib system;
            stdenv.hostPlatform.system = system;
            nodejs_26 = drv "nodejs-26";
            makeWrapper = drv "make-wrapper";
            mkShell = { packages }: force (map (package: package.outPath) packages) (drv "shell");
            writeText = name: text: assert builtins.isString text; force text (drv name);
            formats.yaml = { }: { type = { name = "yaml"; }; generate = name: value: force value (drv name); };
            importNpmLock = {
              __functor = _: { package, packageLock }:
                let
                  wrong = builtins.filter
                    (path: path != "" && !(packageLock.packages.${path} ? integrity && packageLock.packages.${path} ? resolved))
                    (builtins.attrNames packageLock.packages);
                in
                if wrong != [ ] then throw "importNpmLock: no archive for ${builtins.concatStringsSep ", " wrong}"
                else force [ package packageLock ] (drv "npm-deps");
              npmConfigHook = drv "npm-config-hook";
            };
            buildNpmPackage =
              { pname, version, src, nodejs, npmDeps, npmConfigHook, nativeBuildInputs, postInstall, meta }:
              force [ version nodejs.outPath npmDeps.outPath npmConfigHook.outPath (map (p: p.outPath) nativeBuildInputs) postInstall meta ]
                (drv "${pname}-${version}");
            callPackage = path: extra:
              let make = import path;
              in make (builtins.intersectAttrs (builtins.functionArgs make) (pkgs // extra));
          } // builtins.listToAttrs (map (name: { inherit name; value = drv name; })
            [ "bird2" "frr" "gobgp" "gobgpd" "openbgpd" "exabgp" "go" "iproute2" ]);
        in
        pkgs;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packages;
    };
}
