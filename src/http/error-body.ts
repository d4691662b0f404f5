import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';

type HeadersObject = Record<string, { description: string; schema: { type: 'string' } }>;

/** The media type of every error (RFC 9457). */
export const PROBLEM_JSON = 'application/problem+json';

/** One rule that a request breaks. */
export class Violation {
  @ApiProperty({ description: 'The path of the field in what was sent', example: 'headers[2].name' })
  field: string;

  @ApiProperty({ description: 'What is expected', example: 'must not be empty' })
  message: string;
}

/**
 * The body of every answer outside 2xx and 3xx: problem details (RFC 9457) beside the members that clients of the
 * published API know, `statusCode`, `error` and `message`.
 *
 * `type` is `/problems/validation` when the request breaks rules that `errors` lists, and `about:blank` otherwise: then
 * the status tells the kind of error, and `title` is its name. `/problems/validation` names the kind; there is nothing
 * to read at that address.
 */
export class ErrorBody {
  @ApiProperty({
    description: 'The kind of error: about:blank where the status tells it; /problems/validation comes with errors',
    enum: ['about:blank', '/problems/validation'],
    format: 'uri-reference',
    example: '/problems/validation',
  })
  type: string;

  @ApiProperty({ description: 'The kind of error, for people', example: 'The request is not valid' })
  title: string;

  @ApiProperty({ description: 'The HTTP status', example: 400 })
  status: number;

  @ApiProperty({
    description: 'What is wrong, as one text',
    example: 'url: the URL is not absolute; tenants: must hold 1 to 1000 entries',
  })
  detail: string;

  @ApiProperty({
    required: false,
    type: [Violation],
    description: 'Present when type is /problems/validation: every rule that the request breaks, at most 100',
  })
  errors?: Violation[];

  @ApiProperty({ description: 'The HTTP status', example: 400 })
  statusCode: number;

  @ApiProperty({ description: 'The name of the status', example: 'Bad Request' })
  error: string;

  @ApiProperty({
    description: 'What is wrong; with errors: a list of them, each as `field: what is expected`',
    oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
    example: ['url: the URL is not absolute', 'tenants: must hold 1 to 1000 entries'],
  })
  message: string | string[];

  @ApiProperty({ description: 'The path that was asked for, without its query' })
  path: string;

  @ApiProperty({ description: 'By which the log knows this request; also in the header x-request-id' })
  requestId: string;
}

/** An answer with an ErrorBody, for the document. */
export function problemResponse(description: string, headers?: Readonly<Record<string, string>>) {
  const content = { [PROBLEM_JSON]: { schema: { $ref: getSchemaPath(ErrorBody) } } };
  const named = Object.entries(headers ?? {}).map(([name, meaning]) => [
    name,
    { description: meaning, schema: { type: 'string' as const } },
  ]);
  return { description, content, ...(named.length > 0 && { headers: Object.fromEntries(named) as HeadersObject }) };
}

/**
 * Documents an error that a route, or every route of a controller, may answer.
 *
 * @param headers names and meanings of those that come with it
 */
export function ApiError(
  status: number,
  description: string,
  headers?: Readonly<Record<string, string>>,
): ClassDecorator & MethodDecorator {
  return applyDecorators(ApiExtraModels(ErrorBody), ApiResponse({ status, ...problemResponse(description, headers) }));
}

/**
 * Documents the 400 of a route that validates what it is sent.
 *
 * @param also a rule that no schema can say
 */
export const ApiInvalid = (also?: string): ClassDecorator & MethodDecorator =>
  ApiError(
    400,
    `The request breaks rules, or cannot be read; \`errors\` lists every rule${also === undefined ? '' : `. Also: ${also}`}`,
  );
