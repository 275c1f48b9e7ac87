// What every test includes, for builds that precompile it (COLLECTOR_PRECOMPILE).
#pragma once

#include "catch.hpp"

#include <collector/engine/seams.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
