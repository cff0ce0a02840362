/** The first line of a question, at most 60 characters, as the title of its conversation. */
export function titleFrom(question: string): string {
  const line =
    question
      .trim()
      .split(/[\r\n]/u, 1)[0]
      ?.replace(/\s+/gu, ' ')
      .trim() ?? ''
  const characters = [...line]
  return characters.length <= 60 ? line : `${characters.slice(0, 59).join('').trimEnd()}…`
}
