/** Numbers for people: rounded, always with their unit. `locale` is the language of the interface. */

export function bytes(value: number, locale: string): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(value) / Math.log(1024)))
  const scaled = value / 1024 ** power
  return `${number(scaled, locale, scaled >= 100 || power === 0 ? 0 : 1)} ${units[power] ?? 'B'}`
}

/** A duration in ms below 10 s, in s above. */
export function duration(ms: number, locale: string): string {
  return ms < 10_000 ? `${number(ms, locale, ms < 10 ? 1 : 0)} ms` : `${number(ms / 1000, locale, 1)} s`
}

export function number(value: number, locale: string, digits = 0): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)
}

/** Time of day for today, weekday within a week, else the date, with its year where that is another one. */
export function when(at: number, now: number, locale: string): string {
  const day = 86_400_000
  const date = new Date(at)
  if (date.toDateString() === new Date(now).toDateString())
    return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(date)
  if (now - at < 6 * day) return new Intl.DateTimeFormat(locale, { weekday: 'short' }).format(date)
  return new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    ...(date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' }),
  }).format(date)
}

/** Date and time in full, for hover and details. */
export function exactTime(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at))
}
