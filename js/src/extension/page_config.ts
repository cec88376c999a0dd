/** The page's configuration, for code that runs before JupyterLab's packages are there. */

/** An option, or undefined. JupyterLite's page has put together what its configuration files say. */
export function pageOption(name: string): unknown {
  const options: unknown = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  return (options as Readonly<Record<string, unknown>>)[name];
}
