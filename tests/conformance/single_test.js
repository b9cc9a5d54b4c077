'use strict';
const {everyMember} = require('./lib/world');

everyMember(1, require('./cases/all'));
