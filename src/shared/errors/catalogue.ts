/**
 * Every error that is shown to a person or a program.
 *
 * `family`: `caller` for a wrong request, which fails again when repeated; `work` for work that failed; `process` for a
 * process that ended. `type`: the OpenAI error type. `retryable`: the same request may succeed later. `hint`: what to do
 * next.
 */
export interface CatalogueEntry {
  readonly family: 'caller' | 'work' | 'process'
  readonly httpStatus: number
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'rate_limit_error'
    | 'server_error'
  readonly retryable: boolean
  readonly hint: string
}

const caller = (
  httpStatus: number,
  hint: string,
  type: CatalogueEntry['type'] = 'invalid_request_error',
): CatalogueEntry => ({ family: 'caller', httpStatus, type, retryable: false, hint })
const work = (httpStatus: number, hint: string, retryable = false): CatalogueEntry => ({
  family: 'work',
  httpStatus,
  type: 'server_error',
  retryable,
  hint,
})
const gone = (hint: string, retryable: boolean): CatalogueEntry => ({
  family: 'process',
  httpStatus: 503,
  type: 'server_error',
  retryable,
  hint,
})

export const catalogue = {
  // the caller's fault: the request itself
  invalid_json: caller(400, 'Send a JSON object encoded as UTF-8.'),
  invalid_request: caller(400, 'Correct the named field and send the request again.'),
  too_deep: caller(400, 'Send JSON nested at most 32 levels deep.'),
  unsupported_media_type: caller(415, 'Send Content-Type: application/json without a content encoding.'),
  payload_too_large: caller(413, 'Send a smaller body.'),
  headers_too_large: caller(431, 'Send fewer or shorter headers.'),
  unauthorized: caller(
    401,
    'Send Authorization: Bearer <key>. Create a key under Settings, or with: switchboard keys create NAME',
    'authentication_error',
  ),
  host_not_allowed: caller(403, 'Call the endpoint by the address shown under Settings.', 'permission_error'),
  origin_not_allowed: caller(403, 'Web pages of other sites may not call this endpoint.', 'permission_error'),
  not_found: caller(404, 'Check the path.', 'not_found_error'),
  method_not_allowed: caller(405, 'Check the method.'),
  request_timeout: {
    family: 'caller',
    httpStatus: 408,
    type: 'invalid_request_error',
    retryable: true,
    hint: 'Send the whole request in time.',
  },
  rate_limited: {
    family: 'caller',
    httpStatus: 429,
    type: 'rate_limit_error',
    retryable: true,
    hint: 'Wait for the time in Retry-After, then send again.',
  },
  idempotency_conflict: caller(409, 'Use a new Idempotency-Key for a different request.'),
  context_length_exceeded: caller(400, 'Shorten the message or ask for fewer tokens.'),
  // the caller's fault: what it refers to
  model_not_found: caller(404, 'List the models with GET /v1/models.', 'not_found_error'),
  conversation_not_found: caller(404, 'The conversation does not exist or was deleted.', 'not_found_error'),
  message_not_found: caller(404, 'The message does not exist or was deleted.', 'not_found_error'),
  assistant_not_found: caller(404, 'The assistant does not exist or was deleted.', 'not_found_error'),
  job_not_found: caller(
    404,
    'List the jobs in the status bar; this one does not exist or was dismissed.',
    'not_found_error',
  ),
  key_not_found: caller(404, 'List the keys with: switchboard keys list', 'not_found_error'),
  name_taken: caller(409, 'Choose another name.'),
  invalid_name: caller(
    400,
    'Use 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit.',
  ),
  conversation_busy: caller(409, 'Wait for the running reply or stop it.'),
  model_read_only: caller(409, 'The demo model is part of the program and cannot be removed.'),
  not_a_model_folder: caller(
    422,
    'Choose a folder with config.json, tokenizer.json, tokenizer_config.json and model.safetensors.',
  ),
  model_unsupported: caller(422, 'Choose a model of a supported family and precision.'),
  model_corrupt: caller(422, 'Copy the file again from its source.'),
  model_incompatible: caller(422, 'The files of this model do not fit together; import a matching set.'),
  invalid_safetensors: caller(422, 'Copy the file again from its source.'),
  tokenizer_invalid: caller(422, 'Import the tokenizer that belongs to this model.'),
  template_invalid: caller(422, 'Correct the chat template in tokenizer_config.json.'),
  already_running: caller(409, 'Use the running instance, or stop it first.'),
  port_in_use: caller(409, 'Stop the program that uses the port, or choose another with --port.'),
  invalid_arguments: caller(400, 'See switchboard --help.'),
  // the work failed
  queue_full: work(503, 'All slots and waiting places are taken; send again after Retry-After.', true),
  loading: work(503, 'The model is being loaded; send again after Retry-After.', true),
  draining: work(503, 'The program is closing; send again once it runs.', true),
  deadline_exceeded: work(504, 'The reply took longer than allowed; ask for fewer tokens or send again later.', true),
  cancelled: work(499, 'The request was stopped before it was finished.'),
  provider_unavailable: work(
    503,
    'Run the doctor to see why each provider was refused, or allow the CPU under Settings.',
  ),
  out_of_memory: work(503, 'Run fewer conversations at once, a shorter context or a smaller model.', true),
  engine_fault: work(500, 'The model produced values that are not numbers; re-import it, or switch the provider.'),
  job_failed: work(500, 'See the details; nothing was left half done.'),
  storage_full: work(507, 'Free disk space; nothing that was acknowledged is lost.', true),
  storage_failed: work(500, 'Check the disk; nothing that was acknowledged is lost.', true),
  storage_corrupt: work(
    500,
    'Put back a copy of the data file switchboard.db, or move it out of the home folder to start anew.',
  ),
  storage_newer: work(500, 'Start the newer version that wrote this data, or choose another folder with --home.'),
  insufficient_disk_space: work(507, 'Free disk space and try again.', true),
  internal: work(500, 'Try again; if it stays, report it with the request id.', true),
  // the process ended
  engine_crashed: gone('The engine stopped while answering; it is being restarted. Send the request again.', true),
  engine_failed: gone('The engine stopped several times and stays off. Run the doctor, then restart it.', false),
  disconnected: gone(
    'The window lost its connection to the program and reconnects by itself. What was stored is not lost.',
    true,
  ),
  tool_crashed: gone('The tool process stopped; nothing was left half done. Try again.', true),
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof catalogue
