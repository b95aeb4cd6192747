import type { Context } from 'koa';

/** A request's path as the router takes it: letters in either case, with or without a slash at its end. */
export const pathOf = (ctx: Context): string => ctx.path.toLowerCase().replace(/(?<=.)\/+$/, '');

/** Whether a path (of `pathOf`) is `top` or lies under it. */
export const isUnder = (path: string, top: string): boolean => path === top || path.startsWith(`${top}/`);
