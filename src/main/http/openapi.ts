import { z } from 'zod'
import { chatRequestSchema, completionRequestSchema } from '../../shared/contracts/openai.ts'

/** The OpenAPI document, generated from the schemas that parse the requests. */
export function openApiDocument(version: string, serverUrl: string): Record<string, unknown> {
  const body = (schema: z.ZodType) => ({
    required: true,
    content: {
      'application/json': {
        schema: z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'openapi-3.0' }),
      },
    },
  })
  return {
    openapi: '3.0.3',
    info: {
      title: 'Switchboard',
      version,
      description: 'A customer-support bot on your own machine, with the API of OpenAI.',
    },
    servers: [{ url: serverUrl }],
    security: [{ key: [] }],
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: errorSchema },
    },
    paths: {
      '/v1/chat/completions': {
        post: {
          summary: 'Answers a conversation',
          requestBody: body(chatRequestSchema),
          responses: { ...answered('The reply, or server-sent events with stream: true'), ...refused },
        },
      },
      '/v1/completions': {
        post: {
          summary: 'Continues a text',
          requestBody: body(completionRequestSchema),
          responses: { ...answered('The text, or server-sent events with stream: true'), ...refused },
        },
      },
      '/v1/models': { get: { summary: 'Lists the models', responses: { ...answered('The models'), ...refused } } },
      '/v1/models/{id}': {
        get: {
          summary: 'One model',
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          responses: { ...answered('The model'), ...refused },
        },
      },
      '/health': {
        get: {
          summary: 'Whether the engine is alive',
          security: [],
          responses: { ...answered('It is alive'), 503: { description: 'It is not, or the program is closing' } },
        },
      },
      '/ready': {
        get: { summary: 'Whether the model is ready', responses: { ...answered('It is ready'), ...refused } },
      },
      '/metrics': {
        get: {
          summary: 'Metrics for Prometheus',
          responses: { 200: { description: 'Text', content: { 'text/plain': {} } }, ...refused },
        },
      },
      '/openapi.json': { get: { summary: 'This document', responses: { ...answered('The document'), ...refused } } },
    },
  }
}

const answered = (description: string) => ({ 200: { description } })

const refused = {
  default: {
    description: 'Refused',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  },
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: 'string', nullable: true },
        code: { type: 'string' },
      },
    },
  },
}
