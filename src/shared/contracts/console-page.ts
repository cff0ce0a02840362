/**
 * What the console's page may do, the same in both hosts (app:// in the window, http:// in a browser): run and show its
 * own files and talk to its own host. Styles too come from files and constructed sheets only.
 */
export const consolePagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Headers of every file of the console's page. */
export const consolePageHeaders = {
  'content-security-policy': consolePagePolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
} as const
