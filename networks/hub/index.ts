export * from './choose-files.js';
export * from './fetch-file.js';
export * from './fetch-model.js';
export * from './hub-error.js';
