import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts Chromium: the one that CHROMIUM_PATH names, else the system's. @throws Error saying how to get one */
export function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? PLACES.find((path) => existsSync(path));
  if (executablePath === undefined) {
    throw new Error('Chromium is needed: apt-get install chromium, or set CHROMIUM_PATH');
  }
  // Its own sandbox does not run as root, which containers and CI are; the pages are ours alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
