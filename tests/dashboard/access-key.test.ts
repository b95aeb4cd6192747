import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { bearer, KEYS, startKeyedService } from '../server/access/keyed-service.js';
import type { TestService } from '../server/support.js';
import { live, openPage, until } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let service: TestService;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startKeyedService()]);
  await service.call('POST', '/tasks', { prompt: 'of alice' }, bearer('alice'));
  await service.call('POST', '/tasks', { prompt: 'of bob' }, bearer('bob'));
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

let page: Page;
beforeEach(async () => {
  ({ page } = await openPage(browser, `${service.url}/dashboard`));
});
afterEach(() => page.context().close());

const field = () => page.getByRole('textbox', { name: 'Access key' });
const enter = async (key: string): Promise<void> => {
  await field().fill(key);
  await page.keyboard.press('Enter');
};

test('another key shows what its holder may see, and nothing of before, in all tabs', async () => {
  await enter(KEYS.alice);
  await page.getByText('of alice').first().click();
  await page.getByRole('article', { name: 'Task' }).waitFor();
  const other = await page.context().newPage();
  await other.goto(`${service.url}/dashboard`);
  await other.getByText('of alice').first().waitFor();

  await page.getByRole('button', { name: 'Access key' }).click();
  await enter(KEYS.bob);
  for (const tab of [page, other]) {
    await tab.getByText('of bob').first().waitFor();
    expect(await tab.getByText('of alice').count()).toBe(0);
  }
  await page.getByRole('button', { name: 'Access key' }).click();
  await enter('');
  await page.getByText('The service needs an access key.').first().waitFor();
  expect(await page.getByText('of bob').count()).toBe(0);
});

test('the question for a key can be put off, and the list says what is missing', async () => {
  await field().waitFor();
  const asked = page.getByRole('dialog').getByText('The service needs an access key.');
  await asked.waitFor();
  await page.keyboard.press('Escape');
  await asked.waitFor({ state: 'hidden' });
  await page.getByText('Locked', { exact: true }).waitFor();
  await page.locator('.list').getByText('The service needs an access key.').waitFor();
  expect(await page.getByRole('dialog').isVisible()).toBe(false);
  await page.getByRole('button', { name: 'Access key' }).click();
  await enter(KEYS.alice);
  await live(page);
});

test('a key that no header can carry is not taken', async () => {
  await enter('ein-schlüssel-von-16-€');
  await until(async () => (await page.locator('input:invalid').count()) === 1);
  expect(await page.evaluate('localStorage.length')).toBe(1); // the theme
  await enter(KEYS.alice);
  await live(page);
});
