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
  return numberFormat(locale, digits).format(value)
}

/** Time of day for today, weekday within a week, else the date, with its year where that is another one. */
export function when(at: number, now: number, locale: string): string {
  const day = 86_400_000
  const date = new Date(at)
  if (date.toDateString() === new Date(now).toDateString())
    return dateFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(date)
  if (now - at < 6 * day) return dateFormat(locale, { weekday: 'short' }).format(date)
  return dateFormat(locale, {
    day: 'numeric',
    month: 'short',
    ...(date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' }),
  }).format(date)
}

/** Date and time in full, for hover and details. */
export function exactTime(at: number, locale: string): string {
  return dateFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at))
}

/** Hours and minutes. */
export function timeOfDay(at: number, locale: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

/** Making a formatter takes longer than hundreds of uses, so each is made once. */
const dateFormats = new Map<string, Intl.DateTimeFormat>()
const numberFormats = new Map<string, Intl.NumberFormat>()

function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`
  const known = dateFormats.get(key) ?? new Intl.DateTimeFormat(locale, options)
  dateFormats.set(key, known)
  return known
}

function numberFormat(locale: string, digits: number): Intl.NumberFormat {
  const key = `${locale} ${digits}`
  const known = numberFormats.get(key) ?? new Intl.NumberFormat(locale, { maximumFractionDigits: digits })
  numberFormats.set(key, known)
  return known
}
