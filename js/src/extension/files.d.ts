/** An image, as text. */
declare module "*.svg" {
  const text: string;
  export default text;
}

/** Where the extension's files come from: absolute, ending in a slash. */
declare const __webpack_public_path__: string;
declare module "*.css";
