#include "http/api_tokens.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

std::string entry(const std::string& name, const std::string& scopes, const std::string& token) {
    return name + ":" + scopes + ":" + to_hex(sha256(token));
}

std::vector<api_token> tokens_of(std::string_view text) {
    auto tokens = parse_api_tokens(text);
    REQUIRE(tokens.has_value());
    return std::move(*tokens);
}

std::vector<std::string> problems_of(std::string_view text) {
    const auto tokens = parse_api_tokens(text);
    REQUIRE(tokens.has_error());
    return tokens.error().problems;
}

/// A file in a folder of its own that is removed with it. Each version is put in place by renaming.
class temporary_file {
public:
    temporary_file() : folder_(std::filesystem::temp_directory_path() / ("api_tokens_" + make_uuid_v7())) {
        std::filesystem::create_directory(folder_);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::filesystem::remove_all(folder_); }

    std::string path() const { return folder_ / "tokens"; }
    void write(const std::string& text) const {
        std::ofstream(folder_ / "new") << text;
        std::filesystem::rename(folder_ / "new", folder_ / "tokens");
    }
    void append(const std::string& text) const { std::ofstream(path(), std::ios::app) << text; }
    void remove() const { std::filesystem::remove(path()); }
    const std::filesystem::path& folder() const { return folder_; }

private:
    std::filesystem::path folder_;
};

/// What a clock says when nobody has touched a file for long.
constexpr auto long_after = watched_file::wall_clock::time_point::max();

} // namespace

TEST_CASE("api tokens: scopes have their names") {
    for (const auto scope : {api_scope::storefront, api_scope::finance, api_scope::operations})
        CHECK(find_api_scope(to_string(scope)) == scope);
    CHECK(to_string(api_scope::operations) == "operator");
    CHECK_FALSE(find_api_scope("admin"));
    CHECK_FALSE(find_api_scope(""));
}

TEST_CASE("api tokens: a scope set holds what was put in") {
    constexpr scope_set both{api_scope::storefront, api_scope::finance};
    CHECK(both.contains(api_scope::storefront));
    CHECK_FALSE(both.contains(api_scope::operations));
    CHECK(both.contains_any_of({api_scope::finance, api_scope::operations}));
    CHECK_FALSE(both.contains_any_of({api_scope::operations}));
    CHECK(scope_set().empty());
}

TEST_CASE("api tokens: entries are separated by commas or lines, with comments") {
    const auto tokens = tokens_of("# storefronts\n" + entry("shop", "storefront", "a") + ", "
                                  + entry("shop-2", "storefront", "b") + "\r\n\n  # finance\n"
                                  + entry("ledger", "finance+operator", "c") + ",\n");
    REQUIRE(tokens.size() == 3);
    CHECK(tokens[1].name == "shop-2");
    CHECK(tokens[2].scopes == scope_set{api_scope::finance, api_scope::operations});
    CHECK(tokens[2].digest == sha256("c"));
}

TEST_CASE("api tokens: digests may be upper case") {
    auto text = to_hex(sha256("a"));
    for (char& c : text)
        c = static_cast<char>(std::toupper(c));
    CHECK(tokens_of("shop:storefront:" + text).front().digest == sha256("a"));
}

TEST_CASE("api tokens: what is no entry is refused") {
    const auto digest = to_hex(sha256("a"));
    for (const auto& text : std::vector<std::string>{
             "shop", "shop:storefront", "shop:storefront:" + digest + ":x", ":storefront:" + digest,
             "a b:storefront:" + digest, "shop::" + digest, "shop:admin:" + digest,
             "shop:storefront+:" + digest, "shop:+storefront:" + digest,
             "shop:storefront:", "shop:storefront:" + digest.substr(1), "shop:storefront:" + digest + "00",
             "shop:storefront:g" + digest.substr(1), std::string(65, 'a') + ":storefront:" + digest})
        CHECK_MESSAGE(problems_of(text).size() == 1, text);
    CHECK(parse_api_tokens(std::string(64, 'a') + ":storefront:" + digest).has_value());
}

TEST_CASE("api tokens: an empty list is refused") {
    for (const auto* text : {"", "\n\n", "# nothing\n", " , "})
        CHECK(problems_of(text).size() == 1);
}

TEST_CASE("api tokens: a name or a digest that comes twice is refused") {
    CHECK(problems_of(entry("a", "finance", "x") + "," + entry("a", "finance", "y")).size() == 1);
    CHECK(problems_of(entry("a", "finance", "x") + "," + entry("b", "finance", "x")).size() == 1);
}

TEST_CASE("api tokens: every wrong entry is named at once, by its place and without its text") {
    const auto problems = problems_of("good:finance:nope\n# c\ns3cret:s3cret:s3cret, s3cret");
    REQUIRE(problems.size() == 3);
    CHECK(problems[0].starts_with("line 1, entry 1 "));
    CHECK(problems[1].starts_with("line 3, entry 1 "));
    CHECK(problems[2].starts_with("line 3, entry 2 "));
    for (const auto& problem : problems)
        CHECK(problem.find("s3cret") == std::string::npos);
}

TEST_CASE("api tokens: there is a limit to the list") {
    std::string text;
    for (std::size_t i = 0; i < max_api_tokens; ++i)
        text += entry("t" + std::to_string(i), "finance", std::to_string(i)) + "\n";
    CHECK(parse_api_tokens(text).has_value());
    CHECK(parse_api_tokens(text + entry("more", "finance", "more")).has_error());
}

TEST_CASE("api tokens: the bearer token of a header") {
    CHECK(parse_bearer("Bearer abc") == "abc");
    CHECK(parse_bearer("bEARER   abc  ") == "abc");
    for (const auto* header : {"", "Bearer", "Bearer ", "Basic abc", "abc", "Bearerabc", "Bearer\tabc"})
        CHECK_FALSE(parse_bearer(header));
}

TEST_CASE("api tokens: a token is found by its digest") {
    token_registry registry(
        tokens_of(entry("shop", "storefront", "one") + "," + entry("ledger", "finance", "two")));
    const auto identity = registry.find("two");
    REQUIRE(identity);
    CHECK(identity->name == "ledger");
    CHECK(identity->scopes == scope_set{api_scope::finance});
    CHECK(registry.find("one")->name == "shop");
    CHECK_FALSE(registry.find("three"));
    CHECK_FALSE(registry.find(""));
    CHECK_FALSE(registry.find(to_hex(sha256("one"))));
}

TEST_CASE("api tokens: a changed file is read again, at most once a second") {
    const temporary_file file;
    file.write(entry("shop", "storefront", "one"));
    token_registry registry(file.path());
    const auto start = watched_file::clock::now();
    CHECK(registry.find("one", start));

    file.write(entry("shop", "storefront", "two"));
    CHECK(registry.find("one", start + 100ms));
    CHECK(registry.find("one", start + 1100ms)); // it may be half of what comes
    CHECK(registry.find("one", start + 1900ms));
    CHECK_FALSE(registry.find("one", start + 2100ms));
    CHECK(registry.find("two", start + 2200ms));
}

TEST_CASE("api tokens: a file that cannot be used leaves the tokens as they are") {
    const temporary_file file;
    file.write(entry("shop", "storefront", "one"));
    token_registry registry(file.path());
    auto now = watched_file::clock::now();

    file.write("nonsense");
    CHECK(registry.find("one", now += 2s));
    CHECK(registry.find("one", now += 2s));
    file.remove();
    CHECK(registry.find("one", now += 2s));
    CHECK(registry.find("one", now += 2s));
    file.write(entry("shop", "storefront", "two"));
    CHECK(registry.find("one", now += 2s));
    CHECK(registry.find("two", now += 2s));
    CHECK_FALSE(registry.find("one", now));
}

TEST_CASE("api tokens: a registry does not begin with a file that cannot be used") {
    const temporary_file file;
    CHECK_THROWS_AS(token_registry{file.path()}, std::runtime_error);
    file.write("nonsense");
    CHECK_THROWS_AS(token_registry{file.path()}, std::runtime_error);
}

TEST_CASE("api tokens: a watched file answers once for each further version") {
    const temporary_file file;
    file.write("one");
    watched_file watched(file.path());
    auto now = watched_file::clock::now();
    CHECK(watched.read().value() == "one");
    CHECK_FALSE(watched.poll(now += 2s, long_after));
    file.write("two");
    CHECK(watched.poll(now += 2s, long_after)->value() == "two");
    CHECK_FALSE(watched.poll(now += 2s, long_after));
    file.remove();
    CHECK_FALSE(watched.poll(now += 2s, long_after)); // another may be about to take the name
    CHECK(watched.poll(now += 2s, long_after)->has_error());
    CHECK_FALSE(watched.poll(now += 2s, long_after));
    file.write("three");
    CHECK(watched.poll(now += 2s, long_after)->value() == "three");
}

TEST_CASE("api tokens: a watched file that is being written to is not taken") {
    const temporary_file file;
    file.write("one");
    watched_file watched(file.path());
    auto now = watched_file::clock::now();
    file.write("");
    for (const char* part : {"t", "w", "o"}) {
        CHECK_FALSE(watched.poll(now += 2s));
        file.append(part);
    }
    CHECK_FALSE(watched.poll(now += 2s));
    CHECK(watched.poll(now += 2s)->value() == "two");
}

TEST_CASE("api tokens: a watched file changes when a link on its way is swapped") {
    const temporary_file file;
    const auto& folder = file.folder();
    const auto put = [&](const char* version, const char* text) {
        std::filesystem::create_directory(folder / version);
        std::ofstream(folder / version / "tokens") << text;
        std::filesystem::create_directory_symlink(version, folder / "..data_tmp");
        std::filesystem::rename(folder / "..data_tmp", folder / "..data");
    };
    put("..1", "one");
    std::filesystem::create_symlink("..data/tokens", folder / "tokens");
    watched_file watched(file.path());
    auto now = watched_file::clock::now();
    CHECK(watched.read().value() == "one");
    CHECK_FALSE(watched.poll(now += 2s, long_after));
    put("..2", "two");
    std::filesystem::remove_all(folder / "..1");
    CHECK(watched.poll(now += 2s, long_after)->value() == "two");
    CHECK_FALSE(watched.poll(now += 2s, long_after));
}

TEST_CASE("api tokens: of files that belong together none is being written to when they are taken") {
    const temporary_file one;
    const temporary_file other;
    one.write("1");
    other.write("1");
    file_watch watch({one.path(), "", other.path()});
    auto now = file_watch::clock::now();
    CHECK(watch.is_current());
    one.write("2");
    CHECK_FALSE(watch.is_current());
    CHECK_FALSE(watch.has_changed(now += 2s));
    other.write("2");
    CHECK_FALSE(watch.has_changed(now += 2s));
    CHECK(watch.has_changed(now += 2s));
    CHECK_FALSE(watch.has_changed(now += 2s));
    CHECK(watch.is_current());
}

TEST_CASE("api tokens: a small file is a regular file within the limit") {
    const temporary_file file;
    file.write("12345");
    CHECK(read_small_file(file.path(), 5).value() == "12345");
    CHECK(read_small_file(file.path(), 4).has_error());
    CHECK(read_small_file(std::filesystem::temp_directory_path()).has_error());
    CHECK(read_small_file(file.path() + ".absent").has_error());
}
