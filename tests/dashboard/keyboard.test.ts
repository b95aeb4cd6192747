import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { holdClips, startService, type HeldClips, type TestService } from '../server/support.js';
import { live, openPage, PHONE } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let clips: HeldClips;
let service: TestService;
let page: Page;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  clips = holdClips();
  service = await startService({ make: clips.make });
  ({ page } = await openPage(browser, `${service.url}/dashboard`));
  await live(page);
});
afterEach(async () => {
  await page.context().close();
  await service.close();
});

const make = async (prompt: string): Promise<string> =>
  (await service.call('POST', '/tasks', { prompt })).body.id as string;
const finish = async (id: string): Promise<void> => {
  clips.release(id);
  await service.ended(id);
};
const heading = (name: string) => page.getByRole('heading', { name, exact: true });
const focused = (selector: string): Promise<void> => page.locator(`${selector}:focus`).waitFor();

describe('keys', () => {
  test('go through the list from where nothing has the focus, but not from where they are typed or scroll', async () => {
    await make('the older');
    await make('the newer');
    await page.getByText('the newer').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await heading('the newer').waitFor();
    await focused('.row [aria-current="true"]');
    await page.keyboard.press('ArrowDown');
    await heading('the older').waitFor();
    await page.getByRole('textbox', { name: 'Prompt' }).press('ArrowUp');
    await page.getByRole('button', { name: 'Use these settings' }).press('ArrowUp');
    await page.locator('.list').getByRole('radio', { name: 'All' }).press('ArrowUp');
    await heading('the older').waitFor();
  });

  test('play a clip and step through it while its row has the focus', async () => {
    await finish(await make('a heron'));
    await page.getByText('a heron').first().click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('2/25').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.getByText('25/25').waitFor();
    // A button has its own use for the space bar.
    await page.getByRole('button', { name: 'One frame back' }).press(' ');
    await page.getByText('24/25').waitFor();
    expect(await page.getByRole('button', { name: 'Play' }).isVisible()).toBe(true);
  });

  test('skip what comes before the list', async () => {
    await make('a heron');
    await page.getByText('a heron').first().waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await focused('.rows');
    await page.keyboard.press('Tab');
    await focused('.row a');
  });
});

describe('the focus', () => {
  test('is on what undoes a deletion, then on the task that has come back', async () => {
    await make('a heron');
    await page.getByText('a heron').first().click();
    await page.getByRole('button', { name: 'Delete' }).press('Enter');
    await focused('.toast button');
    await page.keyboard.press('Enter');
    await focused('.row [aria-current="true"]');
  });

  test('is on the task after it was cancelled', async () => {
    await clips.running(await make('a heron'));
    await page.getByText('a heron').first().click();
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await focused('.detail h2');
  });

  test('is on the new task on a phone, and on the list on the way back', async () => {
    await page.setViewportSize(PHONE);
    await page.getByRole('link', { name: 'New clip' }).click();
    await page.getByRole('textbox', { name: 'Prompt' }).fill('a heron');
    await page.keyboard.press('Control+Enter');
    await focused('.detail h2');
    await page.getByRole('link', { name: 'Back to the list' }).press('Enter');
    await focused('.rows');
  });
});
