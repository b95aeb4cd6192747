/**
 * How soon the dashboard is there: milliseconds from the request for the page to its first paint, and to a form that can
 * be filled in beside a list that is live. Each load is in a new profile; the baseline is a page without script or style.
 *
 *   npm run bench:page
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { startBuiltService } from './built-service.js';
import { launchChromium } from './chromium.js';

const LOADS = 7;
const VIEWPORT = { width: 1440, height: 900 };
/** Of the same service, in plain text. */
const BASELINE = 'health';

interface Load {
  readonly paint: number;
  readonly usable: number;
}

async function load(browser: Browser, url: string): Promise<Load> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  await page.goto(url);
  if (!url.endsWith(BASELINE)) {
    await page.getByRole('button', { name: 'Make the clip' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
  }
  const times = await page.evaluate(async () => {
    const usable = performance.now();
    // A browser's, which has more of them than Node.js.
    const painted = () => performance.getEntriesByType('paint' as 'mark').at(0)?.startTime;
    while (painted() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    return { usable, paint: painted() ?? NaN };
  });
  await context.close();
  return times;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const folder = await mkdtemp(join(tmpdir(), 'bench-page-'));
const service = startBuiltService({ DATA_DIR: folder });
const url = await service.url;
const browser = await launchChromium();
try {
  for (const [name, path] of [
    ['without script', BASELINE],
    ['dashboard', 'dashboard'],
  ]) {
    const loads: Load[] = [];
    for (let i = 0; i < LOADS; i++) loads.push(await load(browser, `${url}/${path}`));
    const [paints, usables] = [loads.map(({ paint }) => paint), loads.map(({ usable }) => usable)];
    console.log(
      `${name.padEnd(16)}first paint ${Math.round(median(paints))} ms, usable ${Math.round(median(usables))} ms, ` +
        `the slowest ${Math.round(Math.max(...usables))} ms`,
    );
  }
} finally {
  await browser.close();
  service.child.kill('SIGTERM');
  await once(service.child, 'exit');
  await rm(folder, { recursive: true, force: true });
}
