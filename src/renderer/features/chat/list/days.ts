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

/** A heading for each time that is on another day than the one before it, null for the rest. Newest first. */
export function dayHeadings(times: readonly number[], now: number, locale: string): readonly (string | null)[] {
  let from = 0
  let to = 0
  return times.map((at) => {
    // Times of one day follow each other: dates are made once a day, not once a row.
    if (at >= from && at < to) return null
    from = startOfDay(at, 0)
    to = startOfDay(at, 1)
    return dayHeading(at, now, locale)
  })
}

/** Midnight of that day, or of a later one, where the window is. */
function startOfDay(at: number, later = 0): number {
  const date = new Date(at)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + later).getTime()
}
