/** Where the site is. */

import { pageOption } from "./page_config.js";

/** The site's address, absolute: its apps are pages below it. */
export function siteUrl(): string {
  const baseUrl = pageOption("baseUrl");
  return new URL(typeof baseUrl === "string" && baseUrl !== "" ? baseUrl : "/", document.baseURI).href;
}
