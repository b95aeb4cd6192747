import { afterAll, beforeAll, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { holdClips, startService, type HeldClips, type TestService } from '../server/support.js';
import { live, openPage } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let clips: HeldClips;
let service: TestService;
beforeAll(async () => {
  clips = holdClips();
  [browser, service] = await Promise.all([launchChromium(), startService({ make: clips.make })]);
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

test('a model that is being loaded is waited for', async () => {
  const { page } = await openPage(browser, 'about:blank');
  let loaded = false;
  await page.route('**/health', (route) =>
    route.fulfill({
      json: {
        status: 'healthy',
        model_loaded: loaded,
        device: loaded ? 'cuda' : 'not set',
        workers: [],
      },
    }),
  );
  await page.goto(`${service.url}/dashboard`);
  await page.locator('.model').getByText('loading…').waitFor();
  loaded = true;
  await page.getByText('on cuda').waitFor();
  await page.context().close();
});

test('tasks that wait for the device are told apart from those that run', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard`);
  await live(page);
  for (const prompt of ['the first', 'the second', 'the third']) {
    const { id } = (await service.call('POST', '/tasks', { prompt })).body as { id: string };
    if (prompt === 'the first') await clips.running(id);
  }
  await page.getByText('1 running, 2 waiting').waitFor();
  await page.getByText('Waiting 2', { exact: true }).waitFor();
  await page.getByText('the third').first().click();
  await page.getByText('Waiting, number 2').first().waitFor();
  await page.context().close();
});
