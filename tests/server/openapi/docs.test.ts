import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../../scripts/chromium.js';
import { startService, type TestService } from '../support.js';

let service: TestService;
let browser: Browser;
beforeAll(async () => {
  service = await startService();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

test('a reader sees every call, and can make one, without anything from another host', async () => {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  const hosts = new Set<string>();
  page.on(
    'request',
    (request) => request.url().startsWith('http') && hosts.add(new URL(request.url()).origin),
  );
  await page.goto(`${service.url}/docs`);
  await page.getByText('Ask for a clip; the answer is the queued task').click();
  await page.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('combobox', { name: /content type/i }).selectOption('application/json');
  await page.locator('textarea').fill('{"prompt": "a fox", "seed": 8}');
  await page.getByRole('button', { name: 'Execute' }).click();
  await page.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
  expect((await service.call('GET', '/tasks')).body.tasks[0]).toMatchObject({ seed: 8 });
  expect(await page.locator('.errors-wrapper').count()).toBe(0);
  expect(complaints).toEqual([]);
  expect([...hosts]).toEqual([service.url]);
});

test('assets have validators, are packed, and there are no others', async () => {
  const first = await fetch(`${service.url}/docs/swagger-ui-bundle.js`);
  expect(first.headers.get('content-encoding')).toBe('gzip');
  expect(first.headers.get('content-type')).toContain('javascript');
  await first.arrayBuffer();
  const again = await fetch(`${service.url}/docs/swagger-ui-bundle.js`, {
    headers: { 'If-None-Match': first.headers.get('etag') ?? '' },
  });
  expect(again.status).toBe(304);
  expect((await fetch(`${service.url}/docs/package.json`)).status).toBe(404);
  expect((await fetch(`${service.url}/docs/..%2f..%2fpackage.json`)).status).toBe(404);
});
