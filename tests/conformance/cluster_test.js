'use strict';
const {everyMember} = require('./lib/world');

everyMember(3, require('./cases/all'));
