export * from './attribute.js';
export * from './encode.js';
export * from './graph-error.js';
export * from './graph.js';
export * from './shapes.js';
export * from './tensor.js';
export * from './operation-count.js';
export * from './memory-need.js';
