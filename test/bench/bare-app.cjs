// What the same libraries cost without any work: a Nest app with a database connection and a readiness route.
'use strict';
require('reflect-metadata');
const { Controller, Get, HttpException, Module, ShutdownSignal, ValidationPipe } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { HttpModule } = require('@nestjs/axios');
const { ScheduleModule } = require('@nestjs/schedule');
const { DocumentBuilder, SwaggerModule } = require('@nestjs/swagger');
const { ThrottlerModule } = require('@nestjs/throttler');
const { LoggerModule, Logger } = require('nestjs-pino');
const helmet = require('helmet');
const mongoose = require('mongoose');
require('class-transformer');
require('class-validator');
require('ipaddr.js');
require('nodemailer');
require('p-limit');
require('prom-client');
require('undici');

const connection = mongoose.createConnection(process.env.MONGODB_URI, { autoIndex: false });

class HealthController {
  async ready() {
    await connection.asPromise();
    const { ok } = await connection.db.admin().command({ ping: 1 });
    if (ok !== 1) throw new HttpException('not ready', 503);
    return { status: 'ready' };
  }
}
Controller('health')(HealthController);
Get('ready')(HealthController.prototype, 'ready', Object.getOwnPropertyDescriptor(HealthController.prototype, 'ready'));

class AppModule {}
Module({
  imports: [
    LoggerModule.forRoot({ pinoHttp: { level: 'warn' } }),
    ScheduleModule.forRoot(),
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 300 }]),
    HttpModule,
  ],
  controllers: [HealthController],
})(AppModule);

async function main() {
  const app = await NestFactory.create(AppModule, { bufferLogs: true });
  app.useLogger(app.get(Logger));
  app.use(helmet());
  app.useGlobalPipes(new ValidationPipe());
  SwaggerModule.setup('api', app, () =>
    SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('bare').build()),
  );
  app.enableShutdownHooks([ShutdownSignal.SIGTERM], { useProcessExit: true });
  await app.listen(Number(process.env.PORT));
}

void main();
