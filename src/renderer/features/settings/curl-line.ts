/** A line that asks the endpoint one question from a terminal (POSIX shell quoting). */
export function curlLine(endpointUrl: string, model: string, keyPlaceholder: string, question: string): string {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: question }] }).replaceAll("'", "'\\''")
  return `curl ${endpointUrl}/chat/completions -H "Authorization: Bearer ${keyPlaceholder}" -H "Content-Type: application/json" -d '${body}'`
}
