# The package. Dependencies are fetched by the hashes that package-lock.json holds, so that there is no second hash to keep; the lock
# leaves out where each archive lies (it would name one mirror), which is filled in here. The Node.js builds among the optional
# dependencies are for other systems: here Node.js comes from nixpkgs.
{ lib, buildNpmPackage, importNpmLock, makeWrapper, nodejs_26 }:
let
  package = lib.importJSON ../package.json;
  lock = lib.importJSON ../package-lock.json;
  nodes = lib.attrNames package.optionalDependencies;

  archive = path: version:
    let
      name = lib.last (lib.splitString "node_modules/" path);
      file = lib.last (lib.splitString "/" name);
    in
    "https://registry.npmjs.org/${name}/-/${file}-${version}.tgz";

  complete = path: entry:
    if path == "" then removeAttrs entry [ "optionalDependencies" ]
    else entry // { resolved = archive path entry.version; };

  kept = lib.filterAttrs (path: _: !(lib.elem path (map (name: "node_modules/${name}") nodes))) lock.packages;
in
buildNpmPackage {
  pname = "backwalk";
  version = package.version;
  src = lib.cleanSource ../.;
  nodejs = nodejs_26;

  npmDeps = importNpmLock {
    package = removeAttrs package [ "optionalDependencies" ];
    packageLock = lock // { packages = lib.mapAttrs complete kept; };
  };
  npmConfigHook = importNpmLock.npmConfigHook;

  nativeBuildInputs = [ makeWrapper ];
  postInstall = ''
    wrapProgram $out/bin/backwalk --set BACKWALK_NODE ${nodejs_26}/bin/node
  '';

  meta = {
    description = package.description;
    license = lib.licenses.asl20;
    mainProgram = "backwalk";
    platforms = lib.platforms.linux;
  };
}
