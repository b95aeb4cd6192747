import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { holdClips, startService, type TestService } from '../server/support.js';
import { axeProblems, DESKTOP, live, openPage, PHONE } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let service: TestService;
let running: string;
let failed: string;
beforeAll(async () => {
  const clips = holdClips();
  [browser, service] = await Promise.all([launchChromium(), startService({ make: clips.make })]);
  const make = async (prompt: string): Promise<string> =>
    (await service.call('POST', '/tasks', { prompt, num_cols: 2, decoding_overlap: 2 })).body.id as string;
  failed = await make('one that is cancelled');
  await service.call('POST', `/tasks/${failed}/cancel`);
  running = await make('one that runs');
  await clips.running(running);
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test.each([
    ['the list and an open form', '#new', DESKTOP],
    ['a running task', () => `#task/${running}`, DESKTOP],
    ['a cancelled task', () => `#task/${failed}`, DESKTOP],
    ['the list on a phone', '', PHONE],
    ['a task on a phone', () => `#task/${running}`, PHONE],
  ] as const)('axe finds no serious problem in %s', async (_, hash, viewport) => {
    const address = `${service.url}/dashboard${typeof hash === 'string' ? hash : hash()}`;
    const { page } = await openPage(browser, address, { colorScheme, viewport });
    await live(page);
    if (hash === '#new') {
      await page.getByText('Advanced').click();
      await page.locator('#field-steps').fill('0'); // an error is part of what is shown
      await page.getByText(/Expected `steps`/).waitFor();
    }
    expect(await axeProblems(page)).toEqual([]);
    await page.context().close();
  });
});

test('who prefers less motion gets none by itself', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard#task/${running}`, {
    reducedMotion: 'reduce',
  });
  await live(page);
  const moving = `[...document.querySelectorAll('*')].filter((element) => {
    const { transitionDuration, animationName } = getComputedStyle(element);
    return transitionDuration !== '0s' || animationName !== 'none';
  }).length`;
  expect(await page.evaluate(moving)).toBe(0);
  await page.context().close();
});

test('the theme can be chosen, and stays chosen', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard`, { colorScheme: 'dark' });
  const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  const dark = await background();
  await page.getByRole('button', { name: /^Theme: auto/ }).click();
  await page.locator('html[data-theme="light"]').waitFor(); // set after the button has been drawn anew
  const light = await background();
  expect(light).not.toBe(dark);
  await page.reload();
  await page.getByRole('button', { name: /^Theme: light/ }).waitFor();
  expect(await background()).toBe(light);
  await page.context().close();
});
