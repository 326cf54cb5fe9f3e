#include "app/migrate.h"

#include "app/command_line.h"
#include "app/embedded.h"
#include "observe/log.h"

#include <algorithm>
#include <iostream>

namespace checkout {

std::vector<migration> own_migrations() {
    std::vector<migration> migrations;
    for (const auto& file : embedded_migrations())
        migrations.push_back(make_migration(file.name, file.text));
    return migrations;
}

int own_schema_version() {
    int newest = 0;
    for (const auto& step : own_migrations())
        newest = std::max(newest, step.version);
    return newest;
}

int run_migrate(const settings& with) {
    int applied = 0;
    migrate(with.database.url, own_migrations(), [&applied](const migration& step) {
        std::cout << "applied " << step.name << std::endl;
        ++applied;
    });
    std::cout << (applied == 0 ? "nothing to do: " : "done: ") << "the schema is at version "
              << own_schema_version() << std::endl;
    return exit_done;
}

} // namespace checkout
