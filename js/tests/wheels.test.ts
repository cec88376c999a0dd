/** The site's wheels: found, fetched once, checked; and errors that name what is wrong. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { planPackages } from "../src/worker/packages.js";
import { WheelStore } from "../src/worker/wheels.js";
import type { WheelManifest } from "../src/protocol.js";
import { FILES, FakeHost, MANIFEST, SITE, downloads, wheel } from "./fakes.js";

const open = (host: FakeHost): Promise<WheelStore> =>
  WheelStore.open(host, downloads(host), [`${SITE}manifest.json`], () => undefined);

void test("a package is fetched with what it requires, and nothing twice", async () => {
  const host = new FakeHost(FILES);
  const store = await open(host);
  await store.fetch(store.core);
  await store.fetch(["more-things"]);
  assert.deepEqual(host.asked, [
    `${SITE}manifest.json`,
    `${SITE}core.whl`,
    `${SITE}helper.whl`,
    `${SITE}more_things.whl`,
  ]);
});

void test("a wheel that is not the one of the list is refused, with its address and both digests", async () => {
  const store = await open(new FakeHost({ ...FILES, [`${SITE}helper.whl`]: "OTHERS" }));
  await assert.rejects(
    store.fetch(["core"]),
    /https:\/\/site\.example\/wheels\/helper\.whl is not the wheel.*SHA-256/s,
  );
});

void test("a missing wheel is named with its address and the server's answer", async () => {
  const store = await open(new FakeHost({ [`${SITE}manifest.json`]: FILES[`${SITE}manifest.json`] ?? "" }));
  await assert.rejects(store.fetch(["helper"]), /helper\.whl answered 404 Not Found.*restart the kernel/s);
});

void test("a list that is none is named", async () => {
  await assert.rejects(open(new FakeHost({ [`${SITE}manifest.json`]: "<html>" })), /manifest\.json is not JSON/);
  await assert.rejects(
    open(new FakeHost({ [`${SITE}manifest.json`]: "{}" })),
    /manifest\.json is not a list of wheels/,
  );
});

void test("packages come from the site, from addresses, or from elsewhere", async () => {
  const store = await open(new FakeHost(FILES));
  const packages = ["More_Things", " helper ", "files/own-1-py3-none-any.whl", "numpy", "helper>=1", "helper>=2"];
  assert.deepEqual(planPackages(packages, store, "https://site.example/lab/"), {
    shipped: ["more-things", "helper", "helper"],
    wheels: ["https://site.example/lab/files/own-1-py3-none-any.whl"],
    requirements: ["numpy", "helper>=2"],
  });
});

void test("what a module of the site's own wheels requires of Pyodide's index is known", async () => {
  const needs = { imports: ["charts", "charts_data"], packages: ["numpy"] };
  const own: WheelManifest = {
    ...MANIFEST,
    core: [],
    wheels: { charts: { ...wheel("charts", "CHARTS", ["helper"]), pyodide: needs } },
  };
  const second = `${SITE}own/manifest.json`;
  const host = new FakeHost({ ...FILES, [second]: JSON.stringify(own), [`${SITE}own/charts.whl`]: "CHARTS" });
  const store = await WheelStore.open(host, downloads(host), [`${SITE}manifest.json`, second], () => undefined);
  assert.deepEqual(store.requiredOfPyodide("charts_data"), ["numpy"]);
  assert.deepEqual(store.requiredOfPyodide("helper"), []);
  assert.deepEqual(store.core, ["core"]);
  assert.equal(store.digests.length, 2);
  await store.fetch(["charts"]);
  assert.deepEqual(host.asked.slice(2), [`${SITE}own/charts.whl`, `${SITE}helper.whl`]);
});
