export * from './channels-last.js';
export * from './layers.js';
export * from './plain.js';
export * from './portable.js';
export * from './weights.js';
