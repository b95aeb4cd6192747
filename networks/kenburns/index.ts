export * from './description.js';
export * from './model-folder-error.js';
export * from './write.js';
