/** Small tokenizers for tests, in the two ways of writing bytes, with the special tokens of ChatML. */

const specials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const

export const chatMlTemplate = `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`

/** How the templates of Qwen 2.5 write tools, calls and results, without their default system prompt. */
export const toolTemplate = `{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{\\"name\\": <function-name>, \\"arguments\\": <args-json-object>}\\n</tool_call><|im_end|>\\n" }}
{%- elif messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
`

export const fixtureConfig = {
  chat_template: chatMlTemplate,
  eos_token: '<|im_end|>',
  bos_token: { content: '<|endoftext|>' },
}

/** GPT-2 style: `mergeWords` become tokens of their own, built up from the left. */
export function byteLevelJson(
  mergeWords: readonly string[] = ['hello', ' world', ' the', 'user', 'assistant', 'system', '退款'],
): Record<string, unknown> {
  const alphabet: string[] = []
  let next = 0x100
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    alphabet.push(String.fromCharCode(printable ? byte : next))
    if (!printable) next += 1
  }
  const vocab = new Map<string, number>(alphabet.map((character, id) => [character, id]))
  const merges: [string, string][] = []
  for (const word of mergeWords) {
    const characters = [...new TextEncoder().encode(word)].map((byte) => alphabet[byte] ?? '')
    let left = characters[0] ?? ''
    for (const right of characters.slice(1)) {
      if (!vocab.has(left + right)) {
        merges.push([left, right])
        vocab.set(left + right, vocab.size)
      }
      left += right
    }
  }
  // As real exports do, the special tokens stand in the vocabulary too.
  for (const token of specials) vocab.set(token, vocab.size)
  return {
    version: '1.0',
    added_tokens: added(vocab),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  }
}

/** SentencePiece style: `▁` for spaces, `<0xNN>` for bytes, a start token before plain prompts. */
export function byteFallbackJson(): Record<string, unknown> {
  const vocab = new Map<string, number>()
  for (const token of ['<unk>', '<s>', '</s>']) vocab.set(token, vocab.size)
  for (let byte = 0; byte < 256; byte += 1)
    vocab.set(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, vocab.size)
  for (const character of [
    '\u2581',
    ...'helowrdtxausin退款<|>_/',
    '\u2581h',
    '\u2581he',
    '\u2581hel',
    'lo',
    '\u2581hello',
  ])
    vocab.set(character, vocab.size)
  for (const token of specials) vocab.set(token, vocab.size)
  const plain = ['<unk>', '<s>', '</s>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
  return {
    version: '1.0',
    added_tokens: [...plain, ...added(vocab)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '\u2581' },
        { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: [
        ['\u2581', 'h'],
        ['\u2581h', 'e'],
        ['\u2581he', 'l'],
        ['l', 'o'],
        ['\u2581hel', 'lo'],
      ],
    },
  }
}

/** Ids of special and added tokens, by their text. */
export function controlIdsOf(json: Readonly<Record<string, unknown>>): ReadonlyMap<string, number> {
  return new Map(
    (json['added_tokens'] as readonly { readonly content: string; readonly id: number }[]).map(({ content, id }) => [
      content,
      id,
    ]),
  )
}

function added(vocab: ReadonlyMap<string, number>): object[] {
  return specials.map((content) => ({
    id: vocab.get(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
}

/** Pseudo-random words of 2 to 11 small letters; the same for the same seed. */
export function randomWords(seed: number, count: number): string[] {
  let state = seed
  // Numerical Recipes' linear congruential generator.
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: count }, () =>
    Array.from({ length: 2 + next(10) }, () => String.fromCharCode(97 + next(26))).join(''),
  )
}

/** A vocabulary as large as those of today's models: all beginnings of these words. */
export function largeByteLevelJson(words: readonly string[]): Record<string, unknown> {
  return byteLevelJson(words.map((word) => ` ${word}`))
}
