import { render } from 'preact';
import { App } from './shell/app.js';

const root = document.getElementById('page');
if (root) render(<App />, root);
