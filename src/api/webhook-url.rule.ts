import { Injectable } from '@nestjs/common';
import { type ValidationArguments, ValidatorConstraint, type ValidatorConstraintInterface } from 'class-validator';
import { Config } from '../config/config.js';
import { urlRefusal, urlRulesOf } from '../webhooks/address-filter.js';

export const MAX_URL_LENGTH = 2_048;

/** Whether the operator's rules let a webhook have this URL. A value that another rule refuses passes here. */
@Injectable()
@ValidatorConstraint({ name: 'webhookUrl' })
export class WebhookUrlRule implements ValidatorConstraintInterface {
  constructor(private readonly config: Config) {}

  validate(url: unknown): boolean {
    return this.refusalOf(url) === undefined;
  }

  defaultMessage({ value }: ValidationArguments): string {
    return this.refusalOf(value) ?? '';
  }

  private refusalOf(url: unknown): string | undefined {
    if (typeof url !== 'string' || url.length > MAX_URL_LENGTH) return undefined;
    return urlRefusal(url, urlRulesOf(this.config));
  }
}
