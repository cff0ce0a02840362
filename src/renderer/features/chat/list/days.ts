const DAY_MS = 86_400_000

/** The day as a heading: today, yesterday, a weekday within a week, else the date, with its year if it is another one. */
export function dayHeading(at: number, now: number, locale: string): string {
  const date = new Date(at)
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY_MS)
  if (days <= 0 || days === 1) {
    const text = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(days <= 0 ? 0 : -1, 'day')
    return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1)
  }
  if (days < 7) return new Intl.DateTimeFormat(locale, { weekday: 'long' }).format(date)
  return new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'long',
    ...(date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' }),
  }).format(date)
}

/** Hours and minutes, for a row under the heading of its day. */
export function timeOfDay(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

/** Midnight of that day where the window is. */
export function startOfDay(at: number): number {
  const date = new Date(at)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}
