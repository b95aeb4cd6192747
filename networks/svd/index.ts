export * from './checkpoint.js';
export * from './configuration.js';
export * from './convert.js';
export * from './description.js';
export * from './folder-occupied-error.js';
export * from './graphs.js';
