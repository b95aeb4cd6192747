import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { startService, type TestService } from '../server/support.js';
import { live, openPage, PHONE } from './browser.js';

jest.setTimeout(90_000);

const photo = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));

let browser: Browser;
let service: TestService;
let page: Page;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startService({ env: { MAX_UPLOAD_MB: '1' } })]);
});
afterAll(async () => {
  await browser.close();
  await service.close();
});
beforeEach(async () => {
  ({ page } = await openPage(browser, `${service.url}/dashboard`));
  await live(page);
});
afterEach(() => page.context().close());

const choose = async (name: string, mimeType: string, buffer: Buffer): Promise<void> => {
  await page.getByRole('radio', { name: 'Picture' }).check();
  await page.getByLabel('Picture to animate').setInputFiles({ name, mimeType, buffer });
};
const shown = () => page.locator('.drop img');

/** Lets a file fall on the page, or pastes it there. */
const give = (event: 'drop' | 'paste', name: string, type: string, content: Buffer): Promise<unknown> =>
  page.evaluate(`{
    const bytes = Uint8Array.from(atob('${content.toString('base64')}'), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], '${name}', { type: '${type}' }));
    const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
    document.body.dispatchEvent(
      '${event}' === 'drop' ? new DragEvent('drop', options) : new ClipboardEvent('paste', options),
    );
  }`);

test.each(['drop', 'paste'] as const)('a picture can come by %s', async (event) => {
  await give(event, 'rocket.jpg', 'image/jpeg', photo);
  await shown().waitFor();
  expect(await page.getByRole('radio', { name: 'Picture' }).isChecked()).toBe(true);
});

test.each([
  ['paper.pdf', 'application/pdf'],
  ['photo.heic', 'image/heic'],
])('a file that is no picture to the service is told of at once: %s', async (name, type) => {
  await give('drop', name, type, Buffer.from('what it holds does not matter'));
  await page.getByText('A picture must be PNG, JPEG, WebP or GIF').waitFor();
  await page.getByText(name).waitFor();
  expect(await shown().count()).toBe(0);
  await page.getByRole('button', { name: 'Make the clip' }).click();
  await page.locator('[aria-describedby="source-error"]:focus').waitFor({ state: 'attached' });
  expect((await service.call('GET', '/tasks')).body.total).toBe(0);
});

test('one that is too large is told of before it is sent, with the limit', async () => {
  await choose('large.png', 'image/png', Buffer.alloc(2_000_000));
  await page.getByText('This has 2.0 MB; a picture may have 1.0 MB at the most').waitFor();
});

test('a chosen one can be removed, and chosen again', async () => {
  await choose('rocket.jpg', 'image/jpeg', photo);
  await shown().waitFor();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Drop or paste a picture').waitFor();
  await page.locator('input[type="file"]:focus').waitFor({ state: 'attached' });
  await choose('rocket.jpg', 'image/jpeg', photo);
  await shown().waitFor();
});

test('where there is no room for the form beside a task, it is shown with what was dropped', async () => {
  const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
  await page.setViewportSize(PHONE);
  await page.goto(`${service.url}/dashboard#task/${id}`);
  await page.getByRole('article', { name: 'Task' }).waitFor();
  await give('drop', 'rocket.jpg', 'image/jpeg', photo);
  await shown().waitFor();
  expect(new URL(page.url()).hash).toBe('#new');
});
