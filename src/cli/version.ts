// The version that --version prints and that a log names as its writer. A test holds it equal to package.json.

export const VERSION = "0.1.0"
