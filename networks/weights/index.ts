export * from './recipe.js';
export * from './weight-file.js';
